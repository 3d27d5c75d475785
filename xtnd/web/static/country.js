// Choosing a country fills its currency and time zone, unless the person has chosen those.
(function () {
  "use strict";
  var country = document.querySelector("select[data-fills]");
  if (!country) return;
  [["currency", "currency"], ["time_zone", "zone"]].forEach(function (pair) {
    var field = country.form.elements[pair[0]];
    if (!field) return;
    var touched = false;
    field.addEventListener("input", function () { touched = true; });
    country.addEventListener("change", function () {
      if (!touched) field.value = country.selectedOptions[0].dataset[pair[1]];
    });
  });
})();

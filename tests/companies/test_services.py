from __future__ import annotations

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections

from tests import builders
from xtnd.companies import queries, services
from xtnd.companies.access import groups
from xtnd.companies.models import Company, CompanyGroup, Membership, Role, User, Warehouse
from xtnd.companies.services import AlreadyFounded, CompanyFacts, Refused, WarehouseFacts

COMPANY = CompanyFacts(
    name="Nordisk Handel AB", country="SE", currency="SEK", time_zone="Europe/Stockholm", org_number="5560360793"
)
WAREHOUSE = WarehouseFacts(code="1", name="Main warehouse")


def _found(
    email: str = "Anna@Example.com", company: CompanyFacts = COMPANY, password: str = "four right horses"
) -> User:
    return services.found(
        email=email, password=password, name="Anna", language="sv", company=company, warehouse=WAREHOUSE
    )


@pytest.mark.django_db
class TestFounding:
    def test_makes_owner_company_and_warehouse(self) -> None:
        owner = _found()
        company = Company.objects.get()
        assert owner.email == "anna@example.com"
        assert owner.check_password("four right horses")
        assert not owner.password_is_temporary
        assert Membership.objects.get(user=owner).role == Role.OWNER
        assert (company.org_number, company.vat_number) == ("556036-0793", "SE556036079301")
        assert Warehouse.objects.get().country == "SE"

    def test_takes_over_what_scripts_made(self) -> None:
        """`xtnd connect --warehouse 1` on an empty installation, then the browser."""
        early = builders.make_company(name="My company")
        builders.make_warehouse(company=early, code="1")
        linked = builders.make_connection(group=early.group)
        owner = _found()
        assert Company.objects.get().name == "Nordisk Handel AB"
        assert CompanyGroup.objects.get().name == "Nordisk Handel AB"
        assert Warehouse.objects.get().name == "Main warehouse"
        assert linked.company_group_id in groups(owner)

    def test_happens_once(self) -> None:
        _found()
        with pytest.raises(AlreadyFounded):
            _found("other@example.com")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"password": "short"},
            {"company": CompanyFacts(name="X", country="SE", currency="SEK", time_zone="Mars/Olympus")},
            {"email": "not an address"},
        ],
    )
    def test_is_all_or_nothing(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            _found(**wrong)  # type: ignore[arg-type]
        assert not User.objects.exists()
        assert not CompanyGroup.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_first_runs_at_once_make_one_owner() -> None:
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def run(email: str) -> None:
        start.wait()
        try:
            _found(email)
            outcomes.append("founded")
        except AlreadyFounded:
            outcomes.append("refused")
        finally:
            connections.close_all()

    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("an in-memory SQLite cannot be shared by two writers")
    threads = [threading.Thread(target=run, args=(f"{name}@example.com",)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["founded", "refused"]
    assert User.objects.count() == 1


@pytest.mark.django_db
class TestWarehouses:
    def test_the_last_one_stays(self) -> None:
        with pytest.raises(Refused):
            services.delete_warehouse(warehouse=builders.make_warehouse())

    def test_one_in_use_stays(self) -> None:
        company = builders.make_company()
        used, free = builders.make_warehouse(company=company), builders.make_warehouse(company=company)
        builders.make_connection(warehouse=used)
        with pytest.raises(Refused, match="connection"):
            services.delete_warehouse(warehouse=used)
        services.delete_warehouse(warehouse=free)
        assert list(company.warehouses.all()) == [used]

    def test_codes_are_unique_whatever_the_case(self) -> None:
        company = builders.make_company()
        builders.make_warehouse(company=company, code="jkpg")
        with pytest.raises(ValidationError) as refused:
            services.add_warehouse(company=company, facts=WarehouseFacts(code="JKPG", name="Again"))
        assert "code" in refused.value.error_dict


def _membership(role: str, group: CompanyGroup) -> Membership:
    return Membership.objects.get(user=builders.make_user(role=role, group=group))


@pytest.mark.django_db
class TestUsers:
    def test_a_new_user_gets_a_password_to_change(self) -> None:
        group = builders.make_group()
        user, password = services.add_user(
            group=group, email="Bo@Example.com", name="Bo", role=Role.STAFF, language="sv"
        )
        assert user.check_password(password)
        assert user.password_is_temporary
        assert len(password) == 19
        user.set_password("four right horses")
        assert not user.password_is_temporary

    def test_the_same_address_twice_is_refused(self) -> None:
        group = builders.make_group()
        builders.make_user(group=group, email="bo@example.com")
        with pytest.raises(ValidationError):
            services.add_user(group=group, email="BO@example.com", name="Bo", role=Role.STAFF, language="sv")

    def test_somebody_from_another_group_keeps_their_password(self) -> None:
        user = builders.make_user(email="bo@example.com", password="x")
        group = builders.make_group()
        same, password = services.add_user(
            group=group, email="bo@example.com", name="Other", role=Role.VIEWER, language="en"
        )
        assert (same, password) == (user, "")
        user.refresh_from_db()
        assert user.check_password("x")

    def test_the_last_owner_stays(self) -> None:
        group = builders.make_group()
        owner = _membership(Role.OWNER, group)
        _membership(Role.STAFF, group)
        with pytest.raises(Refused):
            services.change_role(membership=owner, role=Role.STAFF)
        with pytest.raises(Refused):
            services.switch_off(membership=owner)
        second = _membership(Role.OWNER, group)
        services.switch_off(membership=second)
        with pytest.raises(Refused):
            services.change_role(membership=owner, role=Role.STAFF)
        services.switch_on(membership=second)
        services.change_role(membership=owner, role=Role.STAFF)
        assert queries.active_owners(group.pk).get() == second

    def test_switching_off_somebody_shared_only_takes_them_out_of_this_group(self) -> None:
        here, there = builders.make_group(), builders.make_group()
        user = builders.make_user(role=Role.STAFF, groups=[here, there])
        services.switch_off(membership=Membership.objects.get(user=user, group=here))
        user.refresh_from_db()
        assert user.is_active
        assert Membership.objects.get(user=user).group == there

    def test_nobody_takes_over_an_account_of_another_group(self) -> None:
        user = builders.make_user(role=Role.STAFF, groups=[builders.make_group(), builders.make_group()])
        with pytest.raises(Refused):
            services.renew_password(membership=Membership.objects.filter(user=user)[0])

    def test_an_unknown_role_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            services.change_role(membership=_membership(Role.STAFF, builders.make_group()), role="king")

    def test_set_password_from_the_command_line(self) -> None:
        user = builders.make_user(email="bo@example.com")
        services.set_password(email="BO@example.com", password="four right horses")
        user.refresh_from_db()
        assert user.check_password("four right horses")
        with pytest.raises(ValidationError):
            services.set_password(email="bo@example.com", password="short")
        with pytest.raises(User.DoesNotExist):
            services.set_password(email="nobody@example.com", password="four right horses")

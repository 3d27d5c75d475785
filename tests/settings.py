"""The settings under test: a data folder of its own, loopback allowed, plain static files, a quick password hash.

pytest-django reads settings before any conftest.py, so this cannot live in one.
"""

import atexit
import os
import shutil
import tempfile

for _name in [
    name for name in os.environ if name.startswith("XTND_") and not name.startswith(("XTND_TEST_", "XTND_LIVE_"))
]:
    del os.environ[_name]  # the developer's own installation stays out of it
os.environ["XTND_DATA_DIR"] = tempfile.mkdtemp(prefix="xtnd-tests-")
atexit.register(shutil.rmtree, os.environ["XTND_DATA_DIR"], ignore_errors=True)
os.environ["XTND_ALLOWED_PRIVATE_NETS"] = "127.0.0.0/8"
# The same tests on the second home: XTND_TEST_POSTGRES names a server that may be filled and emptied.
if os.environ.get("XTND_TEST_POSTGRES"):
    os.environ["DATABASE_URL"] = os.environ["XTND_TEST_POSTGRES"]
else:
    os.environ.pop("DATABASE_URL", None)

from xtnd.settings import *  # noqa: E402, F403
from xtnd.settings import STATIC_ROOT  # noqa: E402

STATIC_ROOT.mkdir()

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEMO_PATIENCE = 0.0

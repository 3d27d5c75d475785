import pytest
from django.contrib.auth.models import AnonymousUser

from tests import builders
from xtnd.companies import access
from xtnd.companies.access import Act
from xtnd.companies.models import Role


@pytest.mark.django_db
def test_roles_count_in_their_own_group_only() -> None:
    mine, theirs = builders.make_group(), builders.make_group()
    user = builders.make_user(role=Role.OWNER, group=mine)
    assert access.groups(user, Act.MANAGE_COMPANY) == {mine.pk}
    assert not access.may(user, Act.SEE, theirs.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.OWNER, set(Act)),
        (Role.STAFF, set(Act) - {Act.MANAGE_COMPANY}),
        (Role.WAREHOUSE, {Act.SEE, Act.HANDLE_STOCK, Act.SYNCHRONISE}),
        (Role.ACCOUNTANT, {Act.SEE, Act.SEE_BOOKS}),
        (Role.VIEWER, {Act.SEE}),
    ],
)
def test_what_a_role_may(role: str, may: set[Act]) -> None:
    assert set(access.acts(builders.make_user(role=role))) == may


@pytest.mark.django_db
def test_strangers_and_switched_off_users_may_nothing() -> None:
    user = builders.make_user()
    user.is_active = False
    for nobody in (user, AnonymousUser()):
        assert not access.groups(nobody)
        assert not access.acts(nobody)

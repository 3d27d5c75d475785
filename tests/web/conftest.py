from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from tests import builders
from xtnd.companies.models import Company, Role, User


@pytest.fixture(autouse=True)
def _forget_attempts() -> None:
    """allauth counts sign-in attempts in the cache."""
    cache.clear()


@pytest.fixture
def company(db: None) -> Company:
    company = builders.make_company(name="Demo AB", org_number="556036-0793")
    builders.make_warehouse(company=company, code="1")
    return company


@pytest.fixture
def owner(company: Company) -> User:
    return builders.make_user(role=Role.OWNER, group=company.group, email="owner@example.com", name="Olle Owner")


@pytest.fixture
def browser(owner: User) -> Client:
    """Signed in as the owner."""
    client = Client()
    client.force_login(owner)
    return client

"""Companies, company groups, warehouses, users and roles."""

"""What an order, product, customer and stock level is when it travels: frozen dataclasses, no Django, no HTTP."""

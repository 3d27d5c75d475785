"""Sales orders: lines, VAT, payments, refunds, timeline."""

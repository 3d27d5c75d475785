"""Stock: what there is of each variant, per warehouse and store."""

"""Shop data and what may be done with it: orders, deliveries, returns, refunds, products and the shop's rules."""

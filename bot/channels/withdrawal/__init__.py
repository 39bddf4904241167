"""The legal withdrawal from a contract, as a page (directive 2011/83/EU, article 11a; section 356a BGB)."""

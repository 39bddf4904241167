"""What was promised and whether it was kept: the ledger's judge, the checker, and honest notices."""

"""What managers learn: figures with one definition each, export, report, simulation."""

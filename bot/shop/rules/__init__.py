"""What the shop's policy says to each wish: a plan, with amounts and dates, or a denial with its reason.

Pure functions on an order and the policies; nothing here reads or writes data.
"""

"""Sales: stores, products, purchases and refunds, as they happened.

Knows receipts; never points. A purchase line carries its total in minor units; its unit price is derived.
"""

"""Orders that a shop sent and that were refused: noted as they are refused, and shown to who runs the programme.

Knows which order it was, which field was wrong and what helps; never what the order held. Recording an order that is in order
costs nothing here: what has arrived since is found by asking purchases when somebody looks.
"""

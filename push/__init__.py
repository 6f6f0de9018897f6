"""Push: short messages to a device, over the web push protocol.

Knows payloads, subscriptions and encryption; never to whom or why.
"""

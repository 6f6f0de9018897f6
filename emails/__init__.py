"""E-mails: templates and blocks, frozen into MIME, and the SMTP channel.

Knows how a message looks and travels; never to whom or why. Values arrive as one plain dict.
A template is Liquid inside blocks; frozen, it is segments of MIME between values, and never changes again.
"""

"""The machines' door: tills, web shops and partners, over OpenAPI.

Translates, makes one call, translates back.
"""

"""Reading other systems' files: what every import shares (`files`, `problems`), and the import of members itself."""

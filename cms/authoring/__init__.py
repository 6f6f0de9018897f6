"""Writing e-mails and push messages: lists, editors, the preview studio, and a test to oneself."""

"""Journeys in the admin: the flow as it is read, the forms of its steps, publishing, test runs, and where everybody is."""

"""A county to show and to try: invented people, made through the same services as the screens."""

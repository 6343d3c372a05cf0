"""What every connector is made of. Nothing here knows the ORM or a vendor."""

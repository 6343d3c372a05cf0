"""What vendors have to say, taken in."""

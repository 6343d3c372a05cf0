"""Tactile CRM: opportunities, organisations, people, activities and timelines over its JSON API."""

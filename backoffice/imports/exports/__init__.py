"""Lists as files for people, to be edited and uploaded again."""

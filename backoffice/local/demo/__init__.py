"""A believable company to look at: Caldera Coffee Systems sells espresso machines in the US, Mexico and Europe.

`loading.load` fills an empty domain, `logins.make_logins` lets people in, `samples.sample_files` gives them
files to upload. The same date gives the same data. Everybody and everything in it is invented.
"""

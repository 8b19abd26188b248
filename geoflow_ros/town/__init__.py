"""A generated town at a real latitude and longitude, seen by a car's camera and from above.

Seeds below `FIRST_TEST_SEED` may be trained on, and the first 9,000 of the varied towns; all others are for testing
only. A seed also says in which style a town is built (`geoflow_ros.town.regions`).
"""

FIRST_TEST_SEED = 10_000

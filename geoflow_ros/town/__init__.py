"""A generated town at a real latitude and longitude, seen by a car's camera and from above.

Seeds below `FIRST_TEST_SEED` may be trained on; all others are for testing only. A seed also says in which style
a town is built (`geoflow_ros.town.style`).
"""

FIRST_TEST_SEED = 10_000

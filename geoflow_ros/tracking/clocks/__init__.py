"""By which clocks stamps go: those of sensors, cameras and node compared."""

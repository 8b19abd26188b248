"""Between a running node and the page that shows it."""

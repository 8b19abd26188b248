"""Users' own photographs on an overhead image: the table that lists them, the views it names, the data set of them."""

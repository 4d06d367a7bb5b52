"""A client of CrossLabel's and of other MONAI Label servers."""

"""The figures of the page: one file each, tables in, `Picture` out."""

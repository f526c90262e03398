"""Two CRMs, one truth: which records are the same, and what is true of them. Pure: frames in, frames out."""

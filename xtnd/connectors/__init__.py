"""One folder per external system; HTTP outward, canonical inward."""

"""Networks: their layers, the stand-ins that programs are compiled with, and what they end in."""

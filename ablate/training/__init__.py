"""How a run is trained. The only room that imports TensorFlow; it is entered in worker processes."""

"""Programs that people use on AWS, pointed at Fogbank by its endpoint alone."""

"""What the chapter on time needs: jobs of known work, and pictures of how fast they run."""

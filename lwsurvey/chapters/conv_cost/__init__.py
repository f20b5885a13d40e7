"""What the chapter on the cost of one convolution needs beside the counter."""

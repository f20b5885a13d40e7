"""What the chapter on the cost of whole networks needs beside the counter."""

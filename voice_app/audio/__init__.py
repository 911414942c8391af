"""Sound in and out: sources of frames and loudspeakers, real or made of files, on the sample clock."""

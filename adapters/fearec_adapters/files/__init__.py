"""What `--from` names: files that are found, unpacked and hashed; what their text means is read by `reading`."""

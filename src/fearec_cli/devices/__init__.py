"""Where a run computes: devices, precision, processes, random states."""

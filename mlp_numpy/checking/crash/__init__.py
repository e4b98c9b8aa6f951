"""The crash test: kills a training repeatedly, resumes it, and compares it with an uninterrupted one."""

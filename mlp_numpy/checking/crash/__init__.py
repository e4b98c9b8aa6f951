"""The crash test: a training killed again and again, resumed, and compared with an undisturbed one."""

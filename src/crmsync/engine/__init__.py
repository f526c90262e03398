"""The use cases: order of calls only. What is decided is decided below; what is shown is shown above."""

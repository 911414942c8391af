"""Language models: llama.cpp, and a scripted one for tests."""

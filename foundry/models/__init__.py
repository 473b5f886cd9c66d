"""Training of the miniature: tokenizer, encoders, autoencoder, denoiser, their judges and their report."""

"""The network: encode a frame and a patch once, then predict the flow of many hypotheses."""

"""What is said in a clip, and when: words, phones and visemes."""

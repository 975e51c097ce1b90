"""What a generated video says, phone by phone, and the lip shapes that belong to it."""

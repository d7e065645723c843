"""Small variants of every architecture of the zoo, for the tests of scripts."""

from __future__ import annotations

TINY = (
    "mlp",
    "mlp:functional=true,classes=1",
    "lstm",
    "lstm:stateful=true,batch_size=8",
    "alexnet:input_shape=67x67x3,classes=10",
    "vgg:depth=11,input_shape=32x32x3,classes=10",
    "googlenet:input_shape=64x64x3,classes=10,auxiliary=true",
    "resnet:depth=8",
    "resnet:depth=50,input_shape=64x64x3,classes=10",
    "wide_resnet:depth=10,width=2",
    "unet:depth=2,base_filters=4,input_shape=32x32x1",
    "rcnn:words=20,embedding_dim=32,lstm_units=32,dense_units=32",
    "rcnn:words=20,embedding_dim=32,lstm_units=32,dense_units=32,keywords=true",
    "text_cnn:vocabulary=2000,embedding_dim=32,length=200,trainable_embedding=false",
)
BATCH_SIZE = 8
